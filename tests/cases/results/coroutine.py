#: outcome: returned
#: result: 7
async def main():
    return 7
main()
