"""Does the ECU answer as ISO 14229-1 says?"""
