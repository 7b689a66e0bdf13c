"""A campaign's ports to a real cluster: journals of the boot servers, PDUs, services, the clock."""
