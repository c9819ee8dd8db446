ADMINS = ('alex',)
