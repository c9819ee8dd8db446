"""One run of the program in a process of its own, as `end_to_end` starts it: prints its figures as JSON.

The import stands where the worker process does not see it: it would count as the worker's memory.
"""

if __name__ == "__main__":
    from measured_run import main

    main()
