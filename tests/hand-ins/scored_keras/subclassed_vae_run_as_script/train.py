import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

latent_dim = 4
(train_images, _), (test_images, _) = tf.keras.datasets.fashion_mnist.load_data()


def preprocess_images(images):
    images = images.reshape((images.shape[0], 28, 28, 1)) / 255.0
    return images.astype("float32")


train_dataset = tf.data.Dataset.from_tensor_slices(preprocess_images(train_images)).shuffle(1000).batch(50)


class CVAE(keras.Model):
    def __init__(self, latent_dim=4, **kwargs):
        super().__init__(**kwargs)
        self.latent_dim = latent_dim
        self.encoder = keras.Sequential([
            layers.Conv2D(8, 3, strides=2, activation="relu"),
            layers.Conv2D(16, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(latent_dim + latent_dim),
        ])
        self.decoder = keras.Sequential([
            layers.Dense(7 * 7 * 8, activation="relu"),
            layers.Reshape((7, 7, 8)),
            layers.Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2DTranspose(1, 3, strides=2, padding="same"),
        ])
        self.loss_tracker = keras.metrics.Mean(name="loss")

    @property
    def metrics(self):
        return [self.loss_tracker]

    @tf.function
    def sample(self, eps=None):
        if eps is None:
            eps = tf.random.normal(shape=(100, self.latent_dim))
        return self.decode(eps, apply_sigmoid=True)

    def encode(self, x):
        mean, logvar = tf.split(self.encoder(x), num_or_size_splits=2, axis=1)
        return mean, logvar

    def reparameterize(self, mean, logvar):
        eps = tf.random.normal(shape=tf.shape(mean))
        return eps * tf.exp(logvar * 0.5) + mean

    def decode(self, z, apply_sigmoid=False):
        logits = self.decoder(z)
        if apply_sigmoid:
            return tf.sigmoid(logits)
        return logits

    def train_step(self, data):
        with tf.GradientTape() as tape:
            mean, logvar = self.encode(data)
            logits = self.decode(self.reparameterize(mean, logvar))
            crossentropy = tf.nn.sigmoid_cross_entropy_with_logits(logits=logits, labels=data)
            kl = -0.5 * tf.reduce_sum(1 + logvar - tf.square(mean) - tf.exp(logvar), axis=1)
            loss = tf.reduce_mean(tf.reduce_sum(crossentropy, axis=[1, 2, 3]) + kl)
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights))
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}


model = CVAE(latent_dim)
model.compile(optimizer=keras.optimizers.Adam(1e-3))
model.fit(train_dataset, epochs=3, verbose=2)
model.encoder.save_weights("encoder.weights.h5")
model.decoder.save_weights("decoder.weights.h5")
print("done", len(test_images))
