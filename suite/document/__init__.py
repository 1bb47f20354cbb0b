"""The document's other claims: orders, counts, laws of chance, audits, and the systems that it names."""
