select 'é' || 'ü
