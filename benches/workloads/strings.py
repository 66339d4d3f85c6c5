parts = []
for n in range(60_000):
    parts.append(f"{n:06d}:{n * 7 % 1000}".upper().replace("0", "o"))
text = ",".join(parts)
words = text.split(",")
result = [len(text), sum(len(w.strip("o")) for w in words), text.count("o7")]
