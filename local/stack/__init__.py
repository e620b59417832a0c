"""What runs on one machine: emulated AWS, the address people use, and what catches the mails."""
