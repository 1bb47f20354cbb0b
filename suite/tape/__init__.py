"""What a framework runs, as data: a flat list of operations on arrays, and what each operation means."""
