"""Care of annotated reports: checks, counts, splits, agreement of annotators."""
