"""Jobs: whole tasks over several rooms, each what one command or one tick of cron does."""
