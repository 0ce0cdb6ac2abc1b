"""Files of owners, companies and costs."""
