"""The engine held against recordings of StarCraft II and against published figures."""
