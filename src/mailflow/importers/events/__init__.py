"""Files of what happened: visits, carts, tickets, bookings, answers."""
