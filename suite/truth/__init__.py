"""What a derivative is: the limit definition in mpmath, with an error that is measured."""
