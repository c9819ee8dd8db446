import team_accounts


def rule(event):
    return team_accounts.many(event)
