"""Where everything that happens lands: the event itself, and what follows from it for consent and suppression."""
