"""Where everything is on the box's board, a Raspberry Pi Pico (GPIO numbers)."""

UART_ID, UART_TX, UART_RX = 0, 0, 1  # to the rig
BAUD = 460800
I2C_ID, I2C_SDA, I2C_SCL = 0, 4, 5  # to the DAC
I2C_HZ = 400000
RELAY = 6  # in: the node's relay pin
ALERT = 7  # out: the node's alert pin
FLAG = 8  # out: the node's flag pin
RESET = 9  # pulls the node's RUN or EN pin low, never drives it high
SUPPLY = 10  # out, high: the switch of the node's supply is on
COMMAND = 26  # analog in: the node's PWM pin behind 10 kohm and 1 uF
