DROP TABLE message_reaction_totals;
DROP TABLE message_reactions;
