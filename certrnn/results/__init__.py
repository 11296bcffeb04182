"""What was found, as data: rows, what was asked, and what follows from them. How it looks is the matter of reports."""
