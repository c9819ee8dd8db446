"""Getting alerts to people: who is told of what, and telling them until they have heard."""
