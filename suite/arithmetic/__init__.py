"""The arithmetics in which a traced program is evaluated: the same functions over arrays of more or fewer digits."""
