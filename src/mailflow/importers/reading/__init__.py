"""From bytes to rows: text, CSV, JSON, sheets, archives. What a column means: recognition."""
