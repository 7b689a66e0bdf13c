"""The cluster in virtual time: a discrete-event simulation that runs the campaign's own code."""
