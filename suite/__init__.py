"""What is checked: identities of calculus, on random composed functions, against the truth within a derived bound."""
