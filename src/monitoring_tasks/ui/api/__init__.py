"""The JSON API: what a notebook or another tool needs of verdicts, scores, figures, incidents and champions."""
