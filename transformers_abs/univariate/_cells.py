PIECEWISE_KIND: int = 2
enclose = None
