"""What detection engineers wrote, read into frozen values or into a complete list of located errors."""
