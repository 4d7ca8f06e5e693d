"""The hall: the composition root. Builds every room and door once, owns the processes, their start and their stop.

Terms: the *supervisor* is the parent process of ``vedette up``; its children are *roles* (control, signer, gateway),
each started as ``python -m vedette.app ROLE`` with the settings it needs and nothing else.
"""
