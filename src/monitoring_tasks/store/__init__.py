"""Results: database schema, migrations, queries, and artifacts."""
