"""Sources other than files and URLs: datasets of the Hub and standard input; and which files of a folder or archive count."""
