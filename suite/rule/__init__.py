"""Whether the rule of a derivative is right: the traced derivative, evaluated exactly, beside the limit."""
