# first line: 13
@cacheable
def horizon(window: int) -> int:
    return 2 * window
