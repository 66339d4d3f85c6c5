async def f[T: int = 1](*a, **k) -> None:
    match a:
        case [crm.search, *_] if (y := k):
            await mail.send(x=y)
    try:
        del k
    except* ValueError, TypeError:
        pass
lambda: (yield)
