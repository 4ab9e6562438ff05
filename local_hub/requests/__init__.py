"""A request as handlers see it: caller, body, limits, host, session, and the routes' patterns."""
