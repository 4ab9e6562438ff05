"""The ground floor that the four stages share."""
