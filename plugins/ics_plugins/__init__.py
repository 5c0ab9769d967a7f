"""The plugins that come with ics; they use what a stranger's plugin can use."""
