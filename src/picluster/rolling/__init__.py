"""Operations on all boards that run: reboot bank by bank, a command everywhere, their logs."""
