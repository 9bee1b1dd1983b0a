"""What a bike rental's help desk knows: its notes, its price list and its bookings, all made up."""

NOTES = {
    "return": "Bikes can be returned at any hour: after closing, lock it in the yard and drop the key in the red box.",
    "cancel": "Cancelling is free until 24 hours before the pick-up; later we keep the price of one day.",
    "seats": "Child seats fit on city and cargo bikes, cost nothing, and carry children of up to 22 kilograms.",
    "dogs": "Dogs of up to 30 kilograms may ride in the box of a cargo bike, on a leash.",
    "puncture": "After a puncture, call us: within the city we bring another bike in less than an hour.",
    "trains": "Touring bikes may travel on regional trains, except on working days between seven and nine.",
    "helmets": "Every rental includes a helmet and two locks; panniers cost 4 euros a day.",
    "opening": "The shop at the harbour is open from eight to seven, from April to October.",
}

PRICES = {"city": 14, "cargo": 38, "touring": 24}
"""Euros a day."""

BOOKINGS = {
    "B-2041": {"bike": "cargo", "pick_up": "Saturday, nine o'clock", "state": "confirmed"},
    "B-2077": {"bike": "touring", "pick_up": "Monday, ten o'clock", "state": "waiting for payment"},
}
