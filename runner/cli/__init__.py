"""`runner`: one module for each command. The only room that prints."""
