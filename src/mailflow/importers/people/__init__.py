"""Files about people: contacts, sign-ups, suppressions; and the people whom other files name."""
