"""Faults made on purpose: awkward programs, deaths at chosen instants."""
