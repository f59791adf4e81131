"""The rig: the same firmware against emulated hardware and a simulated plant."""
