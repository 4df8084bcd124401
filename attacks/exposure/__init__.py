"""What does the ECU give away?"""
