"""Does the ECU keep its service under load, nonsense and abuse?"""
