"""Files of orders, their lines and returns, and of products."""
