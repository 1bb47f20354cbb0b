"""Measurements of the suite itself, each a command, `python -m benchmarks.NAME`:

    faults/        wrong rules, planted in the frameworks, each of which must be caught
    sensitivity/   how small a fault is seen, beside the checkers of torch and jax
    survey/        every primitive alone, over its whole domain and in every mode
    soak.py        many seeds: how often it cries wolf
    sizes/         truth and RULE of 19 programs, up to a million entries
    certify.py     how near the bound is to what computations within the contracts do
    history.py     what each version of a framework gets right (history.toml: when it was released, what was fixed)

and what they share; results/ has what the report shows of them.

    runs.py        a run of the suite in a process of its own, and its report
    forks.py       such processes, forked from one in which warm.py has loaded the frameworks
    saved.py       the files of results, and of runs that can be resumed
"""
