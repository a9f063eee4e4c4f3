"""Pages: the agents' console, customers' pages, login and errors. Server-rendered."""
