"""Photos: fetch them, decode them in a sandbox, and keep what can be used."""
