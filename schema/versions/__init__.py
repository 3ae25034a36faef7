"""The numbered steps of the schema; a step is never edited once released."""
