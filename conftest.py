"""The suite is run by its pytest plugin, which wires strategies, suite and reports together."""

pytest_plugins = ["gradlaws.pytest_plugin"]
