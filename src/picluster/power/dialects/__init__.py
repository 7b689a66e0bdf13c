"""What power devices print, read strictly: text in, outlet states out, no input or output."""
