"""Plugins to start from: two operations, one of them wrong by 10⁻⁹, and two frameworks."""
